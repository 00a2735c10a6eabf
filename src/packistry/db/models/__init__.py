"""Every table, one file a noun. Importing this module makes `Base.metadata` complete."""

from packistry.db.models.accounts import User
from packistry.db.models.answers import KeptAnswer
from packistry.db.models.audit import AuditEvent
from packistry.db.models.base import Base
from packistry.db.models.downloads import Download
from packistry.db.models.generation import Change, Generation
from packistry.db.models.grants import GrantRow
from packistry.db.models.installation import Installation
from packistry.db.models.links import AccountLink
from packistry.db.models.packages import Archive, Document, Package, ProvidedName, Requirement, Version
from packistry.db.models.repositories import Repository
from packistry.db.models.sessions import BrowserSession
from packistry.db.models.sources import Delivery, Hook, ImportRef, ImportRun, Project, ProjectLook, Rule, Source
from packistry.db.models.tokens import Token, TokenSecret

__all__ = [
    "AccountLink",
    "Archive",
    "AuditEvent",
    "Base",
    "BrowserSession",
    "Change",
    "Delivery",
    "Document",
    "Download",
    "Generation",
    "GrantRow",
    "Hook",
    "ImportRef",
    "ImportRun",
    "Installation",
    "KeptAnswer",
    "Package",
    "Project",
    "ProjectLook",
    "ProvidedName",
    "Repository",
    "Requirement",
    "Rule",
    "Source",
    "Token",
    "TokenSecret",
    "User",
    "Version",
]
