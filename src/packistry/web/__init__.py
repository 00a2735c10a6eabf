"""The doors that speak HTTP: Composer's protocol on the wire, health, and later pages, API and webhooks."""
