"""Every event that the gateway can read: what the five services publish."""

from services.registry import CATALOGUE

__all__ = ["CATALOGUE"]
