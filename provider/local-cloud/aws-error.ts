/** A failure as AWS answers it: a name clients branch on, an HTTP status, a text. */
export class AwsError extends Error {
  override readonly name = "AwsError";
  /** The error's name in the API model: `ResourceNotFoundException`, `NoSuchKey`. */
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}
