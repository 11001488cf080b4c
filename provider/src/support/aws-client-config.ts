/** The settings of one AWS client, handed over as they are. Adapters load their SDK package at the first call, to keep start-up light. */
export interface AwsClientConfig {
  readonly region: string;
  readonly customUserAgent?: string;
  readonly endpoint?: string;
  readonly forcePathStyle?: boolean;
  readonly credentials?: () => Promise<AwsCredentials>;
}

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}
