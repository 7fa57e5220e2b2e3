"""Named refusals of documents; their wording is in wording/documents/{ar,fr,en}.toml."""

from shared.refusals import Refusal


class DocumentMissing(Refusal):
    """A paper that comes first is not there, or is there no more. Values: action, categories, documents (names)."""

    slug = "document-missing"


class DocumentCategoryUnknown(Refusal):
    """The kind of agreement has no such category. Values: category, known, names."""

    status = 422
    slug = "document-category-unknown"


class DocumentMustExpire(Refusal):
    """A paper of this category says until when it holds. Values: document (its name)."""

    status = 422
    slug = "document-must-expire"


class DocumentOver(Refusal):
    """The paper holds no more on the day it is brought. Values: expires_on (its last day)."""

    status = 422
    slug = "document-over"


class DocumentAttachedAlready(Refusal):
    """The same file is there in the same category. Values: document (its id), name."""

    slug = "document-attached-already"


class DocumentsFull(Refusal):
    """The agreement holds as many documents as it may. Values: most."""

    slug = "documents-full"


class NoDocumentToWithdraw(Refusal):
    """None of the agreement's documents can be withdrawn."""

    slug = "no-document-to-withdraw"


class DocumentNotAllowedNow(Refusal):
    """The document is not at this point any more. Values: document, action, state."""

    slug = "document-not-allowed-now"


class DocumentShowsSignature(Refusal):
    """The document is the scan of a signature on paper, which waits for its check or counts. Values: document."""

    slug = "document-shows-signature"


class AnnexFrozen(Refusal):
    """The annexes belong to a text that is not revised any more. Values: kind, state (the agreement's)."""

    slug = "annex-frozen"


class AnnexGone(Refusal):
    """What an amendment annexes is a document of the agreement no more. Values: documents (their ids), names."""

    slug = "annex-gone"


class NotYourDocument(Refusal):
    """Another party brought it, and another keeps the agreement. Values: document."""

    status = 403
    slug = "not-your-document"


class FileTypeRefused(Refusal):
    """The file begins like none of the types that are taken. Values: taken (media types)."""

    status = 415
    slug = "file-type-refused"


class FileMislabelled(Refusal):
    """The request says one type and the file is of another. Values: said, found."""

    status = 415
    slug = "file-mislabelled"


class FileUnsound(Refusal):
    """The file does not hold together as what it begins like, or is more than that. Values: found."""

    status = 422
    slug = "file-unsound"


class FileActive(Refusal):
    """The file does more than show its pages: a script, a program, a form, a file within the file. Values: found."""

    status = 422
    slug = "file-active"


class FileLost(Refusal):
    """The storage does not have the file any more, or has something else in its place. Values: hash."""

    status = 500
    slug = "file-lost"
