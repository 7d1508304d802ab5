"""What the monitoring itself costs: usage and its bill, a month's estimate, alternatives, and a plan that keeps a budget. Pure."""
