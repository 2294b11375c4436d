"""Who is to be told of a job or a task: configuration → `Notifications`."""

from __future__ import annotations

from dlt_lite.model.jobs import Hook, HookEvent, Notifications, Text
from dlt_lite.project import nodes
from dlt_lite.project.entries import Entries
from dlt_lite.project.job_keys import (
    HEALTH,
    HEALTH_RULE,
    NOTIFICATION_SETTINGS,
    UNWATCHED_METRIC,
    WEBHOOK,
    WEBHOOKS,
)

_DURATION = "RUN_DURATION_SECONDS"


def notifications(entries: Entries) -> Notifications:
    """Return whom the `…notification…` and `health` keys of a job or task name."""
    settings = entries.inner("notification_settings", NOTIFICATION_SETTINGS)
    return Notifications(
        hooks=_hooks(entries),
        silent_if_skipped=settings is not None and settings.switch("no_alert_for_skipped_runs"),
        silent_if_canceled=settings is not None and settings.switch("no_alert_for_canceled_runs"),
        only_last_attempt=settings is not None and settings.switch("alert_on_last_attempt"),
        slow_after_seconds=_slow_after(entries),
    )


def command_of(entries: Entries, key: str) -> tuple[Text, ...]:
    """Return a command: a list as it is, a text as a script for the shell."""
    node = entries.node(key)
    if not isinstance(node, nodes.Scalar):
        return entries.templates(key)
    script = entries.template(key)
    if script is None:
        return ()
    return (Text("/bin/sh", script.origin), Text("-c", script.origin), script)


def _hooks(entries: Entries) -> tuple[Hook, ...]:
    webhooks = entries.inner("webhook_notifications", WEBHOOKS)
    if webhooks is None:
        return ()
    found: list[Hook] = []
    for event in HookEvent:
        for hook in webhooks.each(event, WEBHOOK):
            url, command = hook.template("url"), command_of(hook, "command")
            if url is not None and command:
                fix = "write `- ` before each of them"
                hook.refuse("a notification has both a url and a command", hook.origin, fix)
            elif url is not None or command:
                found.append(Hook(event, url, command))
    return tuple(found)


def _slow_after(entries: Entries) -> int | None:
    health = entries.inner("health", HEALTH)
    found = None
    for rule in () if health is None else health.each("rules", HEALTH_RULE):
        metric, op = rule.required_text("metric"), rule.text("op") or "GREATER_THAN"
        if op != "GREATER_THAN":
            fix = "write `op: GREATER_THAN`"
            rule.refuse("a health rule's op must be GREATER_THAN", rule.origin, fix)
        if metric == _DURATION:
            found = rule.whole("value", 0, least=1) or None
        elif metric:
            rule.note(UNWATCHED_METRIC)
    return found
