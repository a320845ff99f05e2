/** Files on their way to the server: from a drop with its folders, or from a file field; with progress, and with an end. */

import { ApiError, problem, type Schemas } from "../api/client";

export type UploadResult = Schemas["UploadResult"];

/** Every file of a drop, those in folders too. */
export async function dropped(transfer: DataTransfer): Promise<File[]> {
  // The list is empty after the first pause, so all entries are taken before.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  const plain = [...transfer.files];
  if (entries.every((entry) => entry === null)) return plain;
  const found = await Promise.all(entries.filter((entry) => entry !== null).map(filesOf));
  return found.flat();
}

async function filesOf(entry: FileSystemEntry): Promise<File[]> {
  if (entry.isFile) return [await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject))];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const all: File[] = [];
  for (;;) {
    // A folder is told a hundred entries at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    for (const each of some) all.push(...(await filesOf(each)));
  }
}

export interface Sending {
  files: readonly File[];
  described: string;
  /** Called with 0 to 1 of what is sent. */
  onProgress: (part: number) => void;
  signal: AbortSignal;
}

/** Send files. Throws ApiError; where all were refused it is `AllRefused`. */
export function send({ files, described, onProgress, signal }: Sending): Promise<UploadResult> {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.webkitRelativePath || file.name);
  if (described) form.append("described", described);
  return new Promise((resolve, reject) => {
    // fetch does not tell how much was sent.
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/studies");
    request.responseType = "json";
    request.upload.onprogress = (event) => onProgress(event.total ? event.loaded / event.total : 0);
    request.onerror = () => reject(new ApiError(0, "The server does not answer.", "Check that it runs, then send the files again."));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onload = () => {
      if (request.status === 201) resolve(request.response as UploadResult);
      else reject(refusal(request.status, request.response));
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** Nothing of an upload could be used. */
export class AllRefused extends ApiError {
  constructor(
    error: ApiError,
    readonly refused: UploadResult["refused"],
  ) {
    super(error.status, error.message, error.remedy, error.where);
  }
}

function refusal(status: number, body: unknown): ApiError {
  const error = problem(status, body);
  const refused = (body as { refused?: UploadResult["refused"] } | null)?.refused;
  return Array.isArray(refused) && refused.length > 0 ? new AllRefused(error, refused) : error;
}
