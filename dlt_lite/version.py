"""The version of dlt_lite."""

VERSION = "0.1.0"
