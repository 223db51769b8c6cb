/** Before a file of a stranger reaches this machine. */

import { toHex } from "@sotto/protocol";
import { useBlobBytes } from "./blob-bytes.js";
import { AskingDialog } from "./dialog.js";
import type { BlobKey } from "./disclosed.js";
import { saveFile } from "./saving.js";

/** Asks once more, then saves the bytes under a name of our own that no machine opens by itself. */
export function DownloadDialog({
  label,
  blob,
  onClose,
}: {
  readonly label: string;
  readonly blob: BlobKey;
  readonly onClose: () => void;
}) {
  const bytesOf = useBlobBytes();
  const fileName = `reported-${toHex(blob.id).slice(0, 8)}.bin`;
  return (
    <AskingDialog
      title={`Download ${label.toLowerCase()}?`}
      action="Download anyway"
      tone="severe"
      perform={async () => saveFile(fileName, [await bytesOf(blob)])}
      onClose={onClose}
    >
      <p>
        A stranger sent this file. It may harm the machine it is opened on, and what it shows may be unlawful to keep.
        It is saved as <code>{fileName}</code>; open it only on a machine that is made for that, and delete it there.
      </p>
    </AskingDialog>
  );
}
