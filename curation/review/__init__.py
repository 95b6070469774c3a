"""The review app: people look at records and say keep, drop, edit or unsure. Only app.py needs the `review` extra."""
