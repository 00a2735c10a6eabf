"""Deploy tokens and personal tokens: making, rotating, revoking and recognising them."""
