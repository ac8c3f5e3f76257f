"""One peer chain becomes one `ClientIdentity`, or every reason why not (`identity.identify`)."""
