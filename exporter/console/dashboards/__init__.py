"""Any dashboard of Cloud Monitoring, understood: where its widgets lie, what they show, and which series they ask for."""
