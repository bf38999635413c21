"""Networks that are graphs: what is added, concatenated and pooled in them is exact in integers."""
