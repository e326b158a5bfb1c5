"""The endpoints, one file each: parse the request, call, render the response."""
