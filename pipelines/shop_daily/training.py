"""Train a model that tells whether a session ends in an order, and compare it with baselines."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import skops.io
from extracting import WORKING_TABLE
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf
from sklearn import __version__ as sklearn_version
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from dlt_lite import task_values

TARGET = "ordered"
# The last days are kept apart: a model is asked about days that it has not seen.
DAYS_KEPT_APART = 5
FEATURES = {
    "clicks": "clicks of the session",
    "installs": "installs among them",
    "add_to_carts": "clicks that put something into the cart",
    "checkouts": "clicks that went to the checkout",
    "minutes": "from the first click to the last",
    "hour": "hour of the day (UTC) that it began",
    "weekday": "day of the week that it began, Monday is 0",
    "is_ios": "1 on iOS, 0 on Android",
    "sessions_before": "sessions of the user before it",
    "orders_before": "sessions of the user before it that ended in an order",
}


@dataclass(frozen=True, slots=True)
class Score:
    """How well predictions fit."""

    roc_auc: float
    average_precision: float
    brier: float


def train_model(version: str, seed: str, run_id: str) -> None:
    """Train, measure and save a model, from one version of the working table.

    Args:
        version: the version.
        seed: whatever is random in training follows from it.
        run_id: names the folder that the model is saved in.
    """
    spark = SparkSession.builder.getOrCreate()
    working = spark.read.option("versionAsOf", version).table(WORKING_TABLE)
    sessions = sessions_of(working).toPandas()
    train, test = parted(with_history(sessions))
    model = fitted(train, int(seed))
    scores = {
        "model": scored(model.predict_proba(test[[*FEATURES]])[:, 1], test),
        "checkout_rule": scored((test["checkouts"] > 0).astype(float), test),
        "base_rate": scored(base_rate(train, test), test),
    }
    folder = Path(os.environ["DLT_LITE_STORAGE_ROOT"]) / "models" / "shop_daily" / run_id
    facts = {
        "task": "does a session end in an order?",
        "table": WORKING_TABLE,
        "table_version": int(version),
        "seed": int(seed),
        "sessions_trained_on": len(train),
        "sessions_tested_on": len(test),
        "tested_from": str(test["started_at"].min()),
        "share_that_ordered": round(float(test[TARGET].mean()), 6),
        "scores": {name: asdict(score) for name, score in scores.items()},
        "scikit_learn": sklearn_version,
    }
    saved(model, facts, folder)
    task_values.set("roc_auc", scores["model"].roc_auc)
    task_values.set("baseline_roc_auc", scores["checkout_rule"].roc_auc)
    task_values.set("model", str(folder))


def sessions_of(working: DataFrame) -> DataFrame:
    """Return the sessions of all users, a row each."""
    visits = working.select("user_id", sf.explode("visits").alias("visit"))
    minutes = (sf.col("visit.duration_seconds") / 60).cast("double")
    counts = ("clicks", "installs", "add_to_carts", "checkouts")
    return visits.select(
        "user_id",
        "visit.session_id",
        "visit.started_at",
        *(sf.col(f"visit.{name}").cast("double").alias(name) for name in counts),
        minutes.alias("minutes"),
        (sf.col("visit.platform") == "iOS").cast("double").alias("is_ios"),
        sf.col(f"visit.{TARGET}").cast("int").alias(TARGET),
    )


def with_history(sessions: pd.DataFrame) -> pd.DataFrame:
    """Add when a session began, and what its user had done before it, never after."""
    ordered = sessions.sort_values(["started_at", "session_id"], ignore_index=True)
    of_user = ordered.groupby("user_id", sort=False)
    return ordered.assign(
        hour=ordered["started_at"].dt.hour,
        weekday=ordered["started_at"].dt.weekday,
        is_ios=ordered["is_ios"].fillna(0.0),
        sessions_before=of_user.cumcount(),
        orders_before=of_user[TARGET].cumsum() - ordered[TARGET],
    )


def parted(sessions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what the model learns from, and the last days, which it is measured on."""
    cut = sessions["started_at"].max().normalize() - pd.Timedelta(days=DAYS_KEPT_APART - 1)
    return sessions[sessions["started_at"] < cut], sessions[sessions["started_at"] >= cut]


def fitted(train: pd.DataFrame, seed: int) -> Pipeline:
    """Return a trained model; of its parts skops knows every one, so it loads without trust."""
    regression = LogisticRegression(solver="saga", max_iter=200, random_state=seed)
    return make_pipeline(StandardScaler(), regression).fit(train[[*FEATURES]], train[TARGET])


def base_rate(train: pd.DataFrame, test: pd.DataFrame) -> pd.Series:
    """Predict for every session the share of all: what one knows without looking."""
    dummy = DummyClassifier(strategy="prior").fit(train[[*FEATURES]], train[TARGET])
    return dummy.predict_proba(test[[*FEATURES]])[:, 1]


def scored(predicted: pd.Series, test: pd.DataFrame) -> Score:
    """Compare predictions with what happened."""
    truth = test[TARGET]
    return Score(
        round(float(roc_auc_score(truth, predicted)), 6),
        round(float(average_precision_score(truth, predicted)), 6),
        round(float(brier_score_loss(truth, predicted)), 6),
    )


def saved(model: Pipeline, facts: dict[str, object], folder: Path) -> None:
    """Save the model, its metrics and its card; skops runs no code when the model is loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    skops.io.dump(model, folder / "model.skops")
    digest = hashlib.sha256((folder / "model.skops").read_bytes()).hexdigest()
    told = {**facts, "model_sha256": digest, "features": FEATURES}
    (folder / "metrics.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(card(told), encoding="utf-8")


def card(facts: dict[str, object]) -> str:
    """Return what a person should know before they use the model."""
    scores = facts["scores"]
    rows = [
        f"| {name} | {score['roc_auc']} | {score['average_precision']} | {score['brier']} |"
        for name, score in scores.items()
    ]
    features = [f"- `{name}`: {meaning}" for name, meaning in facts["features"].items()]
    lines = [
        "# Does a session end in an order?",
        "",
        "A logistic regression over single sessions of the flower shop's app. For study: the data",
        "is synthetic and describes no real people; do not decide about people by it.",
        "",
        f"- data: `{facts['table']}`, version {facts['table_version']}",
        f"- trained on {facts['sessions_trained_on']} sessions",
        f"- tested on {facts['sessions_tested_on']} sessions, those from {facts['tested_from']}",
        f"- seed {facts['seed']}, scikit-learn {facts['scikit_learn']}",
        f"- SHA-256 of `model.skops`: `{facts['model_sha256']}`",
        "",
        "The same data and seed give the same model and metrics, but another file: skops writes",
        "times and addresses of memory into it. The digest tells whether a file is this one, not",
        "whether two models are equal.",
        "",
        "| predictions by | ROC AUC | average precision | Brier |",
        "|---|---|---|---|",
        *rows,
        "",
        "`checkout_rule` says yes where the session went to the checkout; `base_rate` says the",
        "share of all sessions. A session's clicks are all counted, also those after the order.",
        "",
        "## Features",
        "",
        *features,
    ]
    return "\n".join(lines) + "\n"
