"""The tags of the frames: whoever has a sealed file read aloud is told of its seals (ISO 14289-1, 7.18.4)."""

from pyhanko.pdf_utils.generic import DictionaryObject, NumberObject, PdfObject, pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter


def tag_fields(writer: IncrementalPdfFileWriter) -> None:
    """Hang each field of the form under a tag of its own, behind all else that the file says.

    This is for before the first seal: a tag that comes after a seal changes what was sealed.
    """
    tree = writer.root["/StructTreeRoot"]
    document, numbers, first = tree["/K"][0], tree["/ParentTree"]["/Nums"], int(tree["/ParentTreeNextKey"])
    fields = writer.root["/AcroForm"]["/Fields"]
    for number, field in enumerate(fields, first):
        widget = field.get_object()
        # In no list: so pyHanko knows it for the place of a field that may be filled in.
        place = entries(Type=pdf_name("/OBJR"), Obj=field)
        parent, page = tree["/K"].raw_get(0), widget.raw_get("/P")
        tag = writer.add_object(entries(Type=pdf_name("/StructElem"), S=pdf_name("/Form"), P=parent, Pg=page, K=place))
        document["/K"].append(tag)
        numbers.extend((whole(number), tag))
        widget["/StructParent"] = whole(number)
    tree["/ParentTreeNextKey"] = whole(first + len(fields))
    for changed in (tree, document["/K"], numbers):
        writer.update_container(changed)


def entries(**named: PdfObject) -> DictionaryObject:
    """A dictionary of PDF."""
    return DictionaryObject({f"/{name}": value for name, value in named.items()})  # type: ignore[no-untyped-call]


def whole(number: int) -> NumberObject:
    """A number of PDF."""
    return NumberObject(number)  # type: ignore[no-untyped-call]
