"""The composition root: settings become parts (`wiring`), and parts run (`run`)."""
