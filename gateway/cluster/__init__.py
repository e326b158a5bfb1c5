"""What several gateways hold in common, through Redis: clients' limits, holds, revoked keys."""
