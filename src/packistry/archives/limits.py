"""How much of an archive is read before it is refused; the numbers are settings, these are their defaults."""

from dataclasses import dataclass, replace

from packistry.errors import ArchiveTooLarge

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is taken from one archive. `ratio` counts only once `ratio_from_bytes` are unpacked."""

    file_bytes: int = 512 * MIB
    unpacked_bytes: int = 2048 * MIB
    # Composer's ext-zip path refuses the same: more than 100 times its size, from 50 MiB on.
    ratio: int = 100
    ratio_from_bytes: int = 50 * MIB
    entries: int = 50_000
    composer_json_bytes: int = MIB

    def of_project(self) -> "Limits":
        """For an archive of which one package is taken: git sends it without compression, and others lie beside it.

        What is taken has the limits as they are. Each entry of the directory of a zip costs memory while it is read, so
        that it is twice as many and not any number.
        """
        return replace(
            self,
            file_bytes=max(self.file_bytes, self.unpacked_bytes),
            unpacked_bytes=2 * self.unpacked_bytes,
            entries=2 * self.entries,
        )

    def check_file(self, size_bytes: int) -> None:
        """Refuses a file that is larger than one may be sent, before a byte of it is read."""
        if size_bytes > self.file_bytes:
            raise ArchiveTooLarge(
                f"The archive is {spelled(size_bytes)}, more than the {spelled(self.file_bytes)} allowed here: "
                "leave out what an installed package does not need, or ask the administrator to raise the limit.",
                field="file",
            )

    def check_unpacked(self, unpacked_bytes: int, packed_bytes: int) -> None:
        """Refuses what unpacks to too much, told by its headers or counted while it is unpacked."""
        # Stops the plain bomb: a small file that fills the disk of everybody who installs it.
        if unpacked_bytes > self.unpacked_bytes:
            raise ArchiveTooLarge(
                f"The archive unpacks to more than the {spelled(self.unpacked_bytes)} allowed here: "
                "leave out what an installed package does not need, or ask the administrator to raise the limit.",
                field="archive",
            )
        # Stops the bomb that stays below the limit above, and which Composer itself would refuse to unpack.
        if unpacked_bytes > self.ratio_from_bytes and unpacked_bytes > packed_bytes * self.ratio:
            raise ArchiveTooLarge(
                f"The archive unpacks to more than {self.ratio} times its size, as a zip bomb does, and Composer would "
                "refuse it: leave out the large files that hold almost nothing.",
                field="archive",
            )

    def check_entries(self, entries: int) -> None:
        """Refuses more files and folders than one package needs, folders named only by the files in them included."""
        if entries > self.entries:
            raise ArchiveTooLarge(
                f"The archive holds more than the {self.entries:,} files and folders allowed here: "
                "leave out what an installed package does not need (.git, vendor, node_modules), "
                "or ask the administrator to raise the limit.",
                field="archive",
            )


def spelled(size_bytes: int) -> str:
    """A size as a person reads it: "512 MiB", "900 bytes"."""
    for unit, size in (("GiB", 1024 * MIB), ("MiB", MIB), ("KiB", 1024)):
        if size_bytes >= size:
            return f"{size_bytes / size:.4g} {unit}"
    return f"{size_bytes} bytes"
