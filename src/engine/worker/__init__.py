"""The engine process: it runs a request and writes its journal."""
