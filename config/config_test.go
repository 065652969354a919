// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package config_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/spryd/spry/config"
)

func write(t *testing.T, c config.Config) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDefaultIsValid(t *testing.T) {
	if err := config.Default().Validate(); err != nil {
		t.Error(err)
	}
}

func TestWrittenFileReadsBack(t *testing.T) {
	changed := config.Default()
	changed.Address = "/run/other.sock"
	changed.Registry.ConfigPath = []string{"/a", "/b"}
	changed.Registry.DockerConfig = "/root/.docker/config.json"
	changed.Fetch.Deadline = config.Duration{Duration: 90 * time.Second}
	changed.Index.V1 = true
	changed.Snapshotter.MountOptions = []string{"volatile"}
	for name, want := range map[string]config.Config{"default": config.Default(), "changed": changed} {
		got, err := config.Parse([]byte(write(t, want)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-written +read):\n%s", name, diff)
		}
	}
}

// docs/config.toml is what spryd --print-config prints without a file.
func TestDocumentationIsCurrent(t *testing.T) {
	const doc = "../docs/config.toml"
	want := write(t, config.Default())
	if os.Getenv("SPRY_REWRITE") != "" {
		if err := os.WriteFile(doc, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/config.toml; SPRY_REWRITE=1 go test ./config rewrites it (-want +got):\n%s", diff)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	var walk func(typ reflect.Type, path string)
	walk = func(typ reflect.Type, path string) {
		for f := range typ.Fields() {
			key := f.Tag.Get("toml")
			if key == "" {
				t.Errorf("%s%s has no key", path, f.Name)
			}
			if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[config.Duration]() {
				walk(f.Type, path+key+".")
				continue
			}
			if f.Tag.Get("comment") == "" {
				t.Errorf("%s%s has no documentation", path, key)
			}
		}
	}
	walk(reflect.TypeFor[config.Config](), "")
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		file string
		want func(*config.Config)
		errs []string
	}{
		"empty": {want: func(*config.Config) {}},
		"one key of a section keeps the others": {
			file: "[fetch]\nconnections = 3\n",
			want: func(c *config.Config) { c.Fetch.Connections = 3 },
		},
		"durations": {
			file: "[registry]\nheader_timeout = \"1m30s\"\n",
			want: func(c *config.Config) { c.Registry.HeaderTimeout = config.Duration{Duration: 90 * time.Second} },
		},
		"a list replaces": {
			file: "[registry]\nconfig_path = [\"/x\"]\n",
			want: func(c *config.Config) { c.Registry.ConfigPath = []string{"/x"} },
		},
		"all unknown keys": {
			file: "rot = 1\n[fetch]\nconections = 3\n[extra]\na = 1\n",
			errs: []string{"line 1: unknown key rot", "line 3: unknown key fetch.conections", "unknown key extra"},
		},
		"wrong type":    {file: "\n[fetch]\nconnections = \"many\"\n", errs: []string{"line 3"}},
		"wrong unit":    {file: "[fetch]\ndeadline = \"3 days\"\n", errs: []string{"line 2", "3 days"}},
		"number, unit?": {file: "[fetch]\ndeadline = 3\n", errs: []string{"missing unit"}},
		"not TOML":      {file: "a = = b", errs: []string{"line 1"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := config.Parse([]byte(tc.file))
			if tc.want == nil {
				if err == nil {
					t.Fatalf("no error, want %q", tc.errs)
				}
				for _, e := range tc.errs {
					if !strings.Contains(err.Error(), e) {
						t.Errorf("error %q does not say %q", err, e)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := config.Default()
			tc.want(&want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	if _, err := config.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v, want fs.ErrNotExist", err)
	}
	for content, want := range map[string]string{
		"root = \"/x\"":                   "",
		"rooot = \"/x\"":                  path + ": line 1: unknown key rooot",
		"# " + strings.Repeat("x", 1<<20): "larger than",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path)
		if (err == nil) != (want == "") || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%.20q: %v, want %q", content, err, want)
		}
	}
}

func TestValidateReportsAllFaults(t *testing.T) {
	bad := config.Config{
		Address:     "spryd.sock" + strings.Repeat("k", 100),
		Root:        "state",
		LogLevel:    "loud",
		LogFormat:   "xml",
		Registry:    config.Registry{ConfigPath: []string{"certs.d"}, DockerConfig: "config.json", Retries: -1},
		Fetch:       config.Fetch{Connections: 4, Reserved: 4, Deadline: config.Duration{Duration: -1}},
		Snapshotter: config.Snapshotter{MountOptions: []string{"a,b", ""}},
		Status:      config.Status{Address: "9100"},
		Store:       config.Store{MaxBytes: -1},
	}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	want := []string{
		"address", "longer than 107", "root", "log_level", "log_format",
		"registry.config_path", "registry.docker_config", "registry.retries", "registry.header_timeout", "registry.stall_timeout",
		"index.attempts", "index.none_for", "index.timeout", "fetch.reserved", "fetch.deadline", "fetch.slow", "status.address", "store.max_bytes", "trust.on_lie", "snapshotter.restore_parallel", `"a,b"`, `""`,
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Errorf("%d faults, want %d:\n%v", len(lines), len(want), err)
	}
	for i, w := range want {
		if i < len(lines) && !strings.Contains(lines[i], w) {
			t.Errorf("fault %d is %q, want %q", i, lines[i], w)
		}
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", 90 * time.Second: "1m30s", 2 * time.Hour: "2h",
		2*time.Hour + time.Minute: "2h1m", 100 * time.Millisecond: "100ms", -time.Minute: "-1m",
	} {
		got, err := config.Duration{Duration: d}.MarshalText()
		if err != nil || string(got) != want {
			t.Errorf("%v is written %q (%v), want %q", d, got, err, want)
		}
		var back config.Duration
		if err := back.UnmarshalText(got); err != nil || back.Duration != d {
			t.Errorf("%q reads as %v (%v), want %v", got, back, err, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	if _, err := config.Default().WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("[fetch]\ndeadline = \"1s\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := config.Parse(b)
		if err != nil || c.Validate() != nil {
			return
		}
		again, err := config.Parse([]byte(write(t, c)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(write(t, c), write(t, again)); diff != "" {
			t.Errorf("a valid configuration changed when written (-first +again):\n%s", diff)
		}
	})
}
