"""Questions for time series, asked of Cloud Monitoring through its own client, as few and as concurrent as they can be."""
