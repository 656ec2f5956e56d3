"""One module per command; `mien.app.cli` names them and loads only the one that is asked for."""
