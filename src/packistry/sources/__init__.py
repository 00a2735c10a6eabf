"""Sources: connected code hosts, the projects added from them, and the runs that turn their refs into versions."""
