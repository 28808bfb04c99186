"""Makes docs/images/contact_sheet.png from the demo's: smaller, in 128 colours. Run `make demo` before."""

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
SHEET = ROOT / "demo" / "contact_sheet.png"
PICTURE = ROOT / "docs" / "images" / "contact_sheet.png"


def main() -> None:
    sheet = Image.open(SHEET).convert("RGB")
    small = sheet.resize((1100, round(sheet.height * 1100 / sheet.width)), Image.Resampling.LANCZOS)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    small.quantize(128, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(f"{PICTURE}: {PICTURE.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
