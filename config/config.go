// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package config

// Config is everything an operator can set.
type Config struct {
	Address   string `toml:"address" comment:"Socket that containerd's proxy plugin connects to. A change takes a restart, not\na reload."`
	Root      string `toml:"root" comment:"Directory of all state. It must be on a file system that overlayfs accepts\nas upper layer, such as ext4 or xfs, and belongs to one daemon. A change takes a\nrestart, when no container uses the old one."`
	LogLevel  string `toml:"log_level" comment:"One of trace, debug, info, warn, error."`
	LogFormat string `toml:"log_format" comment:"text or json."`

	Registry    Registry    `toml:"registry" comment:"How registries are reached. Mirrors, certificates and headers are those of\ncontainerd's hosts.toml."`
	Index       Index       `toml:"index" comment:"Where indexes are looked for. One that a snapshot label names is always used."`
	Fetch       Fetch       `toml:"fetch" comment:"How the content of layers arrives."`
	Store       Store       `toml:"store" comment:"What stays on disk."`
	Trust       Trust       `toml:"trust" comment:"Indexes are not trusted: a layer that has arrived is compared with its digest\nand its tar headers."`
	Snapshotter Snapshotter `toml:"snapshotter"`
	Status      Status      `toml:"status" comment:"What the daemon tells of itself: /v1/status for spry status, /metrics for\nPrometheus."`
}

// Registry is the section [registry].
type Registry struct {
	ConfigPath    []string `toml:"config_path" comment:"Directories with HOST/hosts.toml, searched in order; the same as containerd's\nconfig_path. Missing ones are skipped."`
	DockerConfig  string   `toml:"docker_config" comment:"File with credentials in Docker's format, auths and credential helpers\nincluded; \"\" is the one that docker login writes."`
	Retries       int      `toml:"retries" comment:"How often a request that failed at every host is begun again."`
	HeaderTimeout Duration `toml:"header_timeout" comment:"How long an answer may take to begin, connecting included."`
	StallTimeout  Duration `toml:"stall_timeout" comment:"A transfer that yields less than 10 KiB in this time is given up and resumed."`
}

// Index is the section [index].
type Index struct {
	V1       bool     `toml:"v1" comment:"Ask the registry's referrers for an index when the image manifest names none.\nSuch an answer is trusted like the registry, not like the image."`
	Attempts int      `toml:"attempts" comment:"How often a search is made that fails for a reason which may pass."`
	NoneFor  Duration `toml:"none_for" comment:"How long it is remembered that an image has no index, or not in time."`
	Timeout  Duration `toml:"timeout" comment:"How long a pull waits for the search, and then for the index of a layer, before\nit does without."`
}

// Store is the section [store].
type Store struct {
	MaxBytes int64 `toml:"max_bytes" comment:"Layers that no snapshot uses stay for the next pull as long as all layers\ntogether occupy no more bytes than this; the least recently used go first. 0\nremoves a layer with its last snapshot."`
}

// Trust is the section [trust].
type Trust struct {
	OnLie string `toml:"on_lie" comment:"What containers see that already read a layer whose index turns out to be\nfalse: \"eio\" fails their reads of it, \"continue\" does not. New containers do\nnot get such a layer in any case, and its next pull does without the index."`
}

// Values of Trust.OnLie.
const (
	OnLieFail     = "eio"
	OnLieContinue = "continue"
)

// Fetch is the section [fetch].
type Fetch struct {
	Connections int      `toml:"connections" comment:"Transfers from registries at the same time, over all layers."`
	Reserved    int      `toml:"reserved" comment:"How many of them only reads that a container waits for may use; 0 is half."`
	Background  bool     `toml:"background" comment:"Fetch the rest of every mounted layer while nothing else is to do, until all\nof it is on disk, proven and a plain directory. Without it layers stay dependent\non their registry and on FUSE."`
	Deadline    Duration `toml:"deadline" comment:"A read that has no data after this time fails with an I/O error; the next one\ntries again."`
	Slow        Duration `toml:"slow" comment:"A read that waits longer is logged, once an outage, and counted."`
}

// Snapshotter is the section [snapshotter].
type Snapshotter struct {
	AsyncRemove     bool     `toml:"async_remove" comment:"Free the space of removed snapshots after containerd's garbage collection\ninstead of during it."`
	RestoreParallel int      `toml:"restore_parallel" comment:"Layers mounted at the same time when the daemon starts."`
	Erofs           bool     `toml:"erofs" comment:"Show layers of many small files as EROFS images, so that the kernel knows their\nnames and attributes, where it can (Linux 6.12); without, through FUSE alone."`
	MountOptions    []string `toml:"mount_options" comment:"Additional options of overlay mounts."`
}

// Status is the section [status].
type Status struct {
	Address string `toml:"address" comment:"HOST:PORT, or the path of a socket that only root can use, one for each daemon;\n\"\" is status.sock beside the socket for containerd."`
}
