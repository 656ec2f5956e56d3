"""The web service and the live page behind `mien serve`; needs the extra `app`."""
