/** Media types in which the API server leaves out all but the metadata of objects. */
export const METADATA_ONLY = {
  list: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
  object: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
};
