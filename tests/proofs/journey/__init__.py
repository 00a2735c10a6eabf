"""The first run, from a clone to `composer require`: with a browser and a clock, and short for the suite."""
