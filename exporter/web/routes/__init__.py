"""The routes of the console: each module makes a router out of what it needs."""
