"""The error tree: a class has a stable code; an error says what, where and how to fix it.

DltLiteError
EnvironmentProblem   DLT0xx  exit 5   Java, JARs, disk
ConfigProblem        DLT1xx  exit 2   command line, YAML, targets, parameters
DefinitionProblem    DLT2xx  exit 2   what a pipeline file declares; the graph
SourceProblem        DLT3xx  exit 1   an input that is not there or cannot be read
StateProblem         DLT4xx  exit 1   what lies on disk does not fit what is asked
RunProblem           DLT5xx  exit 1   a flow that failed while running
Busy                 DLT6xx  exit 4   somebody else is at it
InternalProblem      DLT9xx  exit 70  a fault of ours
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlt_lite.model.origin import Origin
    from dlt_lite.model.rules import RuleCount


class DltLiteError(Exception):
    """An error that a person can act on.

    Args:
        what: one sentence that says what is wrong.
        origin: the file and line it comes from, where known.
        fix: how to put it right.
    """

    code: ClassVar[str] = "DLT000"
    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, origin: Origin | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.origin = origin
        self.fix = fix

    def __str__(self) -> str:
        """Return the error as a person reads it, one fact a line."""
        lines = [f"[{self.code}] {self.what}"]
        if self.origin is not None:
            lines.append(f"  at:  {self.origin}")
        if self.fix is not None:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class ErrorGroup(DltLiteError):
    """Several errors found together, causes before consequences."""

    code = "DLT299"

    def __init__(self, errors: Sequence[DltLiteError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} problems")

    def __str__(self) -> str:
        """Return every error, a blank line between them."""
        return "\n\n".join(str(error) for error in self.errors)


def raise_together(errors: Sequence[DltLiteError]) -> None:
    """Raise nothing for no error, the error itself for one, an `ErrorGroup` for several."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ErrorGroup(errors)


def each_of(error: DltLiteError) -> tuple[DltLiteError, ...]:
    """Return the errors of a group, or the one error alone."""
    return error.errors if isinstance(error, ErrorGroup) else (error,)


def exit_code_of(error: DltLiteError) -> int:
    """Return the process exit code that an error asks for: of a group, the smallest."""
    if isinstance(error, ErrorGroup):
        return min(exit_code_of(each) for each in error.errors)
    return error.exit_code


class EnvironmentProblem(DltLiteError):
    """The machine lacks something."""

    exit_code = 5


class NoJava(EnvironmentProblem):
    """No usable Java was found."""

    code = "DLT001"


class WrongJava(EnvironmentProblem):
    """The Java that was found has the wrong version."""

    code = "DLT002"


class JarsMissing(EnvironmentProblem):
    """Delta's JARs could not be fetched, or the offline folder lacks some."""

    code = "DLT003"


class JarsDamaged(EnvironmentProblem):
    """A Delta JAR does not have the checksum it must have."""

    code = "DLT004"


class SessionLacksSetting(EnvironmentProblem):
    """An adopted Spark session lacks a setting that only its start can give."""

    code = "DLT005"


class SessionFailed(EnvironmentProblem):
    """Spark did not start, or its JVM is gone."""

    code = "DLT006"


class StorageNotWritable(EnvironmentProblem):
    """The storage root or the state root cannot be written."""

    code = "DLT007"


class VersionMismatch(EnvironmentProblem):
    """The installed pyspark and delta-spark do not fit each other."""

    code = "DLT008"


class StorageNotReached(EnvironmentProblem):
    """The file system of a path is not known here, or cannot be reached."""

    code = "DLT009"


class ConfigProblem(DltLiteError):
    """The command line or a configuration file is wrong."""

    exit_code = 2


class NoProject(ConfigProblem):
    """No project was found here or above."""

    code = "DLT101"


class BadYaml(ConfigProblem):
    """A YAML file is not what it should be: syntax, tag, duplicate key, too deep or too large."""

    code = "DLT102"


class UnknownKey(ConfigProblem):
    """A configuration key that nobody reads."""

    code = "DLT103"


class BadValue(ConfigProblem):
    """A configuration value of the wrong type or form."""

    code = "DLT104"


class UnknownTarget(ConfigProblem):
    """A target that no file defines."""

    code = "DLT105"


class UnknownPipeline(ConfigProblem):
    """A pipeline that the project does not have."""

    code = "DLT106"


class DuplicatePipeline(ConfigProblem):
    """Two pipelines of one name."""

    code = "DLT107"


class MissingVariable(ConfigProblem):
    """`${env.X}` or another reference has no value."""

    code = "DLT108"


class SharedTarget(ConfigProblem):
    """Two targets would share tables, checkpoints or locks."""

    code = "DLT109"


class BadParameter(ConfigProblem):
    """A `--param` that is not `key=value`, or comes twice."""

    code = "DLT110"


class BadSelection(ConfigProblem):
    """A selection that names nothing, or is not of the grammar."""

    code = "DLT111"


class NotEmpty(ConfigProblem):
    """`init` was asked to write into a folder that has something in it."""

    code = "DLT112"


class UnknownRun(ConfigProblem):
    """A run id that no run folder has."""

    code = "DLT113"


class NothingRecorded(ConfigProblem):
    """A question about the last run where there has been none."""

    code = "DLT114"


class BadCommandLine(ConfigProblem):
    """A command, option or argument that does not exist, or one that is missing."""

    code = "DLT115"


class UnknownJob(ConfigProblem):
    """A job that the project does not have."""

    code = "DLT116"


class DuplicateJob(ConfigProblem):
    """Two jobs of one name."""

    code = "DLT117"


class RunIsOver(ConfigProblem):
    """Something was asked of a run that is over, which only one that goes on can do."""

    code = "DLT118"


class NoLog(ConfigProblem):
    """A log of a task was asked for that is not there."""

    code = "DLT119"


class NoTrigger(ConfigProblem):
    """Something was asked of a job that only one with a schedule or trigger can do."""

    code = "DLT120"


class DefinitionProblem(DltLiteError):
    """A pipeline file declares something that cannot be."""

    exit_code = 2


class FileBroken(DefinitionProblem):
    """A file of a pipeline or job has a syntax error, or raised while it was loaded."""

    code = "DLT201"


class MissingModule(DefinitionProblem):
    """A pipeline file imports a module that is not there."""

    code = "DLT202"


class NothingDeclared(DefinitionProblem):
    """The files of a pipeline declare no dataset."""

    code = "DLT203"


class BadName(DefinitionProblem):
    """A dataset, flow, column or expectation name that cannot be used."""

    code = "DLT204"


class DuplicateName(DefinitionProblem):
    """Two declarations of one name, or of names that differ in case only."""

    code = "DLT205"


class BadOption(DefinitionProblem):
    """A decorator was given an argument of the wrong type, or two that exclude each other."""

    code = "DLT206"


class Unprotected(DefinitionProblem):
    """Row filters and masks cannot be honoured on open-source Delta, so they are refused."""

    code = "DLT207"


class NotADataFrame(DefinitionProblem):
    """A query function returned something other than a Spark DataFrame."""

    code = "DLT208"


class QueryRaised(DefinitionProblem):
    """A query function raised while it was resolved over empty inputs."""

    code = "DLT209"


class ForbiddenCall(DefinitionProblem):
    """A query function wrote a table, started a stream, stopped Spark or changed its settings."""

    code = "DLT210"


class MissingInput(DefinitionProblem):
    """A query reads a table that nobody declares and that does not exist."""

    code = "DLT211"


class Cycle(DefinitionProblem):
    """Datasets read each other in a circle."""

    code = "DLT212"


class KindConflict(DefinitionProblem):
    """A stream where a batch is needed, the reverse, or an existing table of another kind."""

    code = "DLT213"


class OwnedTwice(DefinitionProblem):
    """Two pipelines declare the same table."""

    code = "DLT214"


class BadExpectation(DefinitionProblem):
    """An expectation that is not one boolean expression over the row."""

    code = "DLT215"


class ReservedColumn(DefinitionProblem):
    """A column whose name is ours or Delta's."""

    code = "DLT216"


class BadSchema(DefinitionProblem):
    """A schema that Delta cannot store, or that the query's result does not fit."""

    code = "DLT217"


class NoFlow(DefinitionProblem):
    """A streaming table that no flow fills, or a flow whose target nobody declares."""

    code = "DLT218"


class StreamOverOverwritten(DefinitionProblem):
    """A stream reads a table that the pipeline overwrites."""

    code = "DLT219"


class UpstreamFailed(DefinitionProblem):
    """A flow could not be resolved because something it reads could not."""

    code = "DLT220"


class NeedsAnalyze(DefinitionProblem):
    """A file touches Spark while it is loaded, which `validate` does without Spark."""

    code = "DLT221"


class OrphanExpectation(DefinitionProblem):
    """An expectation on a function that declares no dataset."""

    code = "DLT222"


class BadSql(DefinitionProblem):
    """SQL given to `spark.sql` cannot be parsed, or says what a query may not say."""

    code = "DLT223"


class BadSuite(DefinitionProblem):
    """A file or dictionary of expectations says what cannot be."""

    code = "DLT224"


class UnseenRead(DefinitionProblem):
    """A query reads, where there are rows, what it does not read over empty inputs."""

    code = "DLT225"


class BadJob(DefinitionProblem):
    """A job, or one of its settings, cannot be as it is declared."""

    code = "DLT251"


class BadTask(DefinitionProblem):
    """A task has an option that its kind cannot have, or a value that cannot be."""

    code = "DLT252"


class DuplicateTask(DefinitionProblem):
    """Two tasks of a job have one key."""

    code = "DLT253"


class UnknownTask(DefinitionProblem):
    """A task that the job does not have."""

    code = "DLT254"


class TaskCycle(DefinitionProblem):
    """Tasks depend on each other in a circle, or jobs run each other in one."""

    code = "DLT255"


class BadDependency(DefinitionProblem):
    """A dependency that is doubled, or waits for an outcome that its task does not have."""

    code = "DLT256"


class BadForEach(DefinitionProblem):
    """A for_each task without a list, with a loop inside, or with too much at once."""

    code = "DLT257"


class BadReference(DefinitionProblem):
    """A `{{…}}` reference that names nothing, or stands where none is filled in."""

    code = "DLT258"


class UnreachableReference(DefinitionProblem):
    """A reference to a task that has not run when the value is needed."""

    code = "DLT259"


class ReferenceCycle(DefinitionProblem):
    """Job parameters refer to each other in a circle."""

    code = "DLT260"


class BadJobParameter(DefinitionProblem):
    """A job parameter whose name cannot be used, comes twice, or does not exist."""

    code = "DLT261"


class BadSchedule(DefinitionProblem):
    """A cron expression, time zone or trigger that means no time, or cannot be watched."""

    code = "DLT262"


class ShellNotAllowed(DefinitionProblem):
    """A shell task in a project that does not allow them, or one open to injection."""

    code = "DLT263"


class SourceProblem(DltLiteError):
    """An input outside the pipeline is not there or cannot be read."""

    exit_code = 1


class SourceMissing(SourceProblem):
    """An input path or table is not there or cannot be read."""

    code = "DLT301"


class SourceMalformed(SourceProblem):
    """An input file is malformed where the reader is strict."""

    code = "DLT302"


class StateProblem(DltLiteError):
    """What lies on disk does not fit what is asked."""

    exit_code = 1


class NotOurs(StateProblem):
    """A table exists where a dataset would go, and no pipeline of this project made it."""

    code = "DLT401"


class OtherKind(StateProblem):
    """The table on disk is of another kind than the definition."""

    code = "DLT402"


class PartitioningChanged(StateProblem):
    """A streaming table's partition columns changed."""

    code = "DLT403"


class SchemaIncompatible(StateProblem):
    """A streaming table's query lost, renamed or retyped a column."""

    code = "DLT404"


class CheckpointMissing(StateProblem):
    """A streaming table has rows of a flow whose checkpoint is gone."""

    code = "DLT405"


class TableReplaced(StateProblem):
    """A streaming table was dropped, re-created or overwritten by somebody else."""

    code = "DLT406"


class ProtocolTooNew(StateProblem):
    """A table needs Delta features that this version does not have."""

    code = "DLT407"


class StateTooNew(StateProblem):
    """State was written by a newer dlt_lite."""

    code = "DLT408"


class ResetNotAllowed(StateProblem):
    """A full refresh is forbidden by `pipelines.reset.allowed=false`."""

    code = "DLT409"


class ResetNeedsConsent(StateProblem):
    """A reset would lose rows, and nobody said yes."""

    code = "DLT410"


class ResetIncomplete(StateProblem):
    """A full refresh leaves out a stream that reads what is refreshed."""

    code = "DLT411"


class StateDamaged(StateProblem):
    """A file of a table's log, or of a checkpoint, is damaged or gone.

    Args:
        what: one sentence that says what is wrong.
        path: the file.
        origin: where what it belongs to was declared.
        fix: how to put it right.
    """

    code = "DLT412"

    def __init__(
        self, what: str, *, path: str, origin: Origin | None = None, fix: str | None = None
    ) -> None:
        super().__init__(what, origin=origin, fix=fix)
        self.path = path


class AsideUndecided(StateProblem):
    """Rows of a batch that a crash broke off are to be set aside by a rule that is gone."""

    code = "DLT413"


class RunProblem(DltLiteError):
    """A flow failed while it ran."""

    exit_code = 1


class FlowFailed(RunProblem):
    """A flow's job failed."""

    code = "DLT501"


class ExpectationFailed(RunProblem):
    """A `fail` rule was broken; but for rules about a whole streaming table nothing was written.

    Args:
        what: one sentence that says what is wrong.
        origin: where the rule was declared.
        fix: how to put it right.
        found: what was decided before the flow ended.
    """

    code = "DLT502"

    def __init__(
        self,
        what: str,
        *,
        origin: Origin | None = None,
        fix: str | None = None,
        found: Sequence[RuleCount] = (),
    ) -> None:
        super().__init__(what, origin=origin, fix=fix)
        self.found = tuple(found)


class ConcurrentWriter(RunProblem):
    """Another writer committed to the table first."""

    code = "DLT503"


class StorageFailed(RunProblem):
    """The storage could not be written: full, read-only or gone."""

    code = "DLT504"


class Canceled(RunProblem):
    """The update was cancelled."""

    code = "DLT505"
    exit_code = 130


class TaskFailed(RunProblem):
    """A task of a job failed."""

    code = "DLT551"


class TaskTimedOut(RunProblem):
    """A task or a job did not end within its timeout."""

    code = "DLT552"


class ReferenceMissing(RunProblem):
    """A reference to a value that no task has set in this run."""

    code = "DLT553"
    # During a run it is how a task ends; where it ends the command, nothing was begun.
    exit_code = 2


class BadTaskValue(RunProblem):
    """A task value that is no JSON, or too large."""

    code = "DLT554"


class BadInputs(RunProblem):
    """The inputs of a for_each task turned out to be no list, or too long a one."""

    code = "DLT555"


class BadComparison(RunProblem):
    """A condition compares by size what is no number."""

    code = "DLT556"


class SecretMissing(RunProblem):
    """A task or a webhook refers to a secret that nobody has; told before a run where it can be."""

    code = "DLT557"
    # During a run it is how a task ends; where it ends the command, nothing was begun.
    exit_code = 2


class SecretExposed(RunProblem):
    """A secret would stand where others can read it."""

    code = "DLT558"


class UnsafeSql(RunProblem):
    """SQL of a task would do what only `unsafe_sql: true` lets it do."""

    code = "DLT559"


class Busy(DltLiteError):
    """Another update of this pipeline and target, or a run of this job, is active."""

    code = "DLT601"
    exit_code = 4


class InternalProblem(DltLiteError):
    """A fault of dlt_lite itself."""

    code = "DLT901"
    exit_code = 70
