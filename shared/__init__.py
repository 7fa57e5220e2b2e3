"""What every service stands on: the kernel, the published language, messaging, the web conventions."""
