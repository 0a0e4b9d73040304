/// What `--version` says.
let dtactlVersion = "0.1.0"
