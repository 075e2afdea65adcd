"""Every event that the gateway can read: what the five services publish."""

from services.files import events as files
from services.goals import events as goals
from services.identity import events as identity
from services.matching import events as matching
from services.messaging import events as messaging
from shared.messages import Catalogue

CATALOGUE = Catalogue(identity, matching, messaging, goals, files)
