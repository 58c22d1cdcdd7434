"""The engine process, which runs a request and writes its journal."""
