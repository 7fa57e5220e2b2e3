"""Notifications: every academy is told what concerns it, and only it, by webhook, e-mail, live stream and feed."""
