"""How products came here: readings of catalogue files, what was wrong in them, and pictures fetched for them."""

from typing import ClassVar

from django.core.files.storage import Storage, storages
from django.db import models

from fashionrec.common.models import Chunk, Run


def upload_storage() -> Storage:
    """Uploaded catalogue files are work in progress: not beside the pictures, which anybody may fetch."""
    return storages["artifacts"]


class ImportRun(Run):
    """One reading of a catalogue file. read = created + updated + unchanged + rejected, always."""

    task_name = "catalog.tasks.work_import_run"

    source = models.CharField(max_length=40)
    format = models.CharField(max_length=20)
    path = models.CharField(max_length=500, blank=True, help_text="File or folder on the machine that reads it.")
    upload = models.FileField(upload_to="imports", storage=upload_storage, blank=True)
    mapping = models.JSONField(default=dict, blank=True, help_text="Field of a product: column of the file.")
    encoding = models.CharField(max_length=20, default="utf-8")
    file_sha256 = models.CharField(max_length=64, blank=True)
    read = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    images = models.PositiveIntegerField(default=0, help_text="Pictures added to products.")

    class Meta(Run.Meta):
        verbose_name = "import"


class ImportIssue(models.Model):
    """One thing wrong with one row; a rejected row has at least one, a warning keeps the row."""

    class Severity(models.TextChoices):
        REJECTED = "rejected"
        WARNING = "warning"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="issues")
    row = models.PositiveIntegerField(help_text="Counted from 1, the first row after the header.")
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.REJECTED)
    field = models.CharField(max_length=100, blank=True)
    value = models.TextField(blank=True)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["row", "pk"]
        indexes: ClassVar = [models.Index(fields=["run", "row"], name="importissue_run_row")]

    def __str__(self) -> str:
        return f"row {self.row}: {self.field}: {self.reason}"


class ImageDownloadRun(Run):
    """Pictures that a catalogue file names by address, fetched after its rows are stored."""

    task_name = "catalog.tasks.work_image_download_run"

    import_run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="downloads")

    class Meta(Run.Meta):
        verbose_name = "image download"


class ImageDownloadChunk(Chunk):
    """items: catalog.services.image_downloads.Item, all pictures of each product; size: how many of them to fetch."""

    run = models.ForeignKey(ImageDownloadRun, on_delete=models.CASCADE, related_name="chunks")
    items = models.JSONField()

    class Meta(Chunk.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "index"], name="imagedownloadchunk_run_index")]
