"""Turn delivered clicks into typed ones; DataFrame in, DataFrame out. Private to this pipeline."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

# A fixed format: a plain cast also takes "12:00", for a time of the day on which the update runs.
TIME_FORMAT = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"
DELIVERED = (
    "event_id",
    "user_id",
    "event_time",
    "event_type",
    "platform",
    "campaign_id",
    "broken_line",
)


def typed(lines: DataFrame) -> DataFrame:
    """Give every field its type; what does not fit it becomes NULL and is left to the rules."""
    event_id = whole_number("event_id")
    event_time = sf.try_to_timestamp(text("event_time"), sf.lit(TIME_FORMAT))
    return lines.select(
        event_id.alias("event_id"),
        whole_number("user_id").alias("user_id"),
        event_time.alias("event_time"),
        text("event_type").alias("event_type"),
        text("platform").alias("platform"),
        whole_number("campaign_id").alias("campaign_id"),
        (event_time >= sf.date_add("file_date", 1)).alias("from_future"),
        sf.when(event_id.isNull(), sf.to_json(sf.struct(*DELIVERED))).alias("without_id"),
    )


def once_each(clicks: DataFrame) -> DataFrame:
    """Keep one row an event, however often and on however many days it was delivered.

    Clicks without an id are no duplicates of each other unless all of their line is equal, so
    that the rules count every one of them.

    Exact deduplication has its price: without a watermark the stream remembers the id of every
    click it has ever seen, and its state grows with the table. A watermark would bound that, and
    let a duplicate through that comes later than it allows. Which of two deliveries is kept is
    open, so nothing that differs between them (the file's name) is handed on.
    """
    return clicks.dropDuplicates(["event_id", "without_id"]).drop("without_id")


def text(column: str) -> Column:
    """Trim, and take blank for missing."""
    return sf.nullif(sf.trim(column), sf.lit(""))


def whole_number(column: str) -> Column:
    """Read a whole number; NULL where it is none."""
    return text(column).try_cast("bigint")
