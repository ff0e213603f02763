/** Requests whose answers come as messages: each is answered or rejected, none is left hanging. */
export class Requests {
  private next = 1;
  private readonly open = new Map<number, { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void }>();

  /** Sends a request under a new id. Resolves with what the answer holds, rejects with the reason when it is refused. */
  send(post: (id: number) => void): Promise<unknown> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject });
      post(id);
    });
  }

  /** False when no request of that id is open. */
  settle(id: number, error: string | undefined, answer?: unknown): boolean {
    const request = this.open.get(id);
    if (!request) return false;
    this.open.delete(id);
    if (error === undefined) request.resolve(answer);
    else request.reject(new Error(error));
    return true;
  }
}
