/** Hands a file to the browser to save. It is named and typed so that no machine opens it by itself. */

/** Saves a file under a name of our own; as bytes, never as what it claims to be. */
export function saveFile(fileName: string, parts: readonly BlobPart[]): void {
  const url = URL.createObjectURL(new Blob([...parts], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName;
  document.body.append(link);
  link.click();
  link.remove();
  // The download has its own hold on the bytes once the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
