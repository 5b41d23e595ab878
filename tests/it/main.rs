mod corpus_identifiers;
