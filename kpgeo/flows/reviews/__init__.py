"""What people make of alerts, the ledger it stands in, and which method speaks."""
