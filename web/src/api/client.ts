/** The API as the page calls it: typed by its description, errors with their remedy. */

import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** An answer that is not what was asked for: what happened and what to do about it. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly remedy = "",
    readonly where = "",
  ) {
    super(message);
  }
}

/** Paths in the description begin with a slash of their own. The fetch is looked up late, so that tests may replace it. */
export const client = createClient<paths>({ baseUrl: "", fetch: (request) => fetch(request) });

/** The data of an answer. Throws ApiError for a problem document, and for no answer at all. */
export async function dataOf<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer: Awaited<typeof call>;
  try {
    answer = await call;
  } catch (error) {
    throw asError(error);
  }
  if (answer.error !== undefined || !answer.response.ok) throw problem(answer.response.status, answer.error);
  return answer.data as T;
}

/** A problem document (RFC 9457) as an error. */
export function problem(status: number, body: unknown): ApiError {
  const told = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (name: string) => (typeof told[name] === "string" ? (told[name] as string) : "");
  return new ApiError(status, text("detail") || text("title") || `The server answered ${status}.`, text("remedy"), text("where"));
}

/** A failed fetch as an error; an abort stays an abort. */
export function asError(error: unknown): Error {
  if (error instanceof ApiError || (error instanceof DOMException && error.name === "AbortError")) return error;
  return new ApiError(0, "The server does not answer.", "Check that it runs; the page tries again by itself.");
}

/** A plain request to a path, for streams and bytes. Throws ApiError. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, init);
  } catch (error) {
    throw asError(error);
  }
  if (!answer.ok) throw problem(answer.status, await answer.json().catch(() => undefined));
  return answer;
}
