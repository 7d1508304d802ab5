"""What the console shows: dashboards in the JSON of Cloud Monitoring, the series they ask for, and what Cloud Monitoring lacks.

Nothing here speaks HTTP: ``exporter/web`` serves what is found here.
"""
