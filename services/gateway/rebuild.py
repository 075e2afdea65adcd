"""Rebuilding what the gateway reads."""

from shared.rebuilding import Report, back, rebuild, verify

__all__ = ["Report", "back", "rebuild", "verify"]
