"""What goes through the sandbox's pipelines: messages of real flights, and reads of their views."""
