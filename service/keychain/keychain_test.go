// SPDX-License-Identifier: Apache-2.0
// Copyright The Spry Authors.

package keychain_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spryd/spry/service/keychain"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// write makes a config.json.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// helpers puts credential helpers, shell scripts by name, on the path.
func helpers(t *testing.T, scripts map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script), 0o755)
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestCredentials(t *testing.T) {
	helpers(t, map[string]string{
		"ok":    `read h; [ "$1" = get ] && printf '{"ServerURL":"%s","Username":"u-%s","Secret":"s"}' "$h" "$h"`,
		"hub":   `read h; [ "$h" = https://index.docker.io/v1/ ] && printf '{"Username":"hub","Secret":"s"}' || { echo credentials not found in native keychain; exit 1; }`,
		"token": `printf '{"Username":"<token>","Secret":"t"}'`,
		"none":  `echo credentials not found in native keychain; exit 1`,
		"fails": `echo keyring is locked; exit 1`,
		"junk":  `echo hello`,
		"flood": `yes`,
		"slow":  `exec sleep 60`,
	})
	entry := func(key, auth string) string { return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, key, b64(auth)) }
	tests := []struct {
		name, config, host string
		want               string // user:secret, "!" = an error
	}{
		{"plain", entry("r.test", "me:pw"), "r.test", "me:pw"},
		{"port", entry("r.test:5000", "me:pw"), "r.test:5000", "me:pw"},
		{"other port", entry("r.test:5000", "me:pw"), "r.test", ":"},
		{"other host", entry("r.test", "me:pw"), "x.test", ":"},
		{"colon in the password", entry("r.test", "me:p:w"), "r.test", "me:p:w"},
		{"padded password", entry("r.test", "me:pw\x00\x00"), "r.test", "me:pw"},
		{"URL", entry("https://r.test/v1/", "me:pw"), "r.test", "me:pw"},
		{"URL without path", entry("https://r.test", "me:pw"), "r.test", "me:pw"},
		{"host and version", entry("r.test/v2/", "me:pw"), "r.test", "me:pw"},
		{"repository key is not the host's", entry("r.test/team", "me:pw"), "r.test", ":"},
		{"hub as docker login writes it", entry("https://index.docker.io/v1/", "me:pw"), "registry-1.docker.io", "me:pw"},
		{"hub by its short name", entry("docker.io", "me:pw"), "registry-1.docker.io", "me:pw"},
		{"hub asked for by its short name", entry("https://index.docker.io/v1/", "me:pw"), "docker.io", "me:pw"},
		{"hub is not everybody", entry("https://index.docker.io/v1/", "me:pw"), "r.test", ":"},
		{"identity token", `{"auths":{"r.test":{"auth":"` + b64("me:x") + `","identitytoken":"tok"}}}`, "r.test", ":tok"},
		{"clear fields", `{"auths":{"r.test":{"username":"me","password":"pw"}}}`, "r.test", "me:pw"},
		{"empty entry", `{"auths":{"r.test":{}}}`, "r.test", ":"},
		{"bad base64", `{"auths":{"r.test":{"auth":"***"}}}`, "r.test", "!"},
		{"no colon", entry("r.test", "me"), "r.test", "!"},
		{"bad entry of another host", `{"auths":{"x.test":{"auth":"***"}}}`, "r.test", ":"},
		{"empty file", "", "r.test", ":"},
		{"other content", `{"HttpHeaders":{"a":"b"}}`, "r.test", ":"},
		{"no JSON", `{"auths":`, "r.test", "!"},
		{"helper", `{"credHelpers":{"r.test":"ok"}}`, "r.test", "u-r.test:s"},
		{"helper of another host", `{"credHelpers":{"x.test":"ok"}}`, "r.test", ":"},
		{"store", `{"credsStore":"ok"}`, "r.test", "u-r.test:s"},
		{"store for the hub", `{"credsStore":"hub"}`, "registry-1.docker.io", "hub:s"},
		{"helper before store", `{"credsStore":"token","credHelpers":{"r.test":"ok"}}`, "r.test", "u-r.test:s"},
		{"token from a helper", `{"credsStore":"token"}`, "r.test", ":t"},
		{"store has nothing", `{"credsStore":"none"}`, "r.test", ":"},
		{"store has nothing, auths has", `{"credsStore":"none",` + entry("r.test", "me:pw")[1:], "r.test", "me:pw"},
		{"helper has nothing, store has", `{"credsStore":"token","credHelpers":{"r.test":"none"}}`, "r.test", ":t"},
		{"helper fails", `{"credsStore":"fails"}`, "r.test", "!"},
		{"helper talks nonsense", `{"credsStore":"junk"}`, "r.test", "!"},
		{"helper floods", `{"credsStore":"flood"}`, "r.test", "!"},
		{"helper hangs", `{"credsStore":"slow"}`, "r.test", "!"},
		{"helper is missing", `{"credsStore":"nope"}`, "r.test", "!"},
		{"helper is a path", `{"credsStore":"../../bin/sh"}`, "r.test", "!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := keychain.New(keychain.Options{Paths: []string{write(t, tt.config)}, HelperTimeout: time.Second})
			user, secret, err := k.Credentials(tt.host)
			if (err != nil) != (tt.want == "!") {
				t.Fatalf("wrong error: %v", err)
			}
			if err == nil && user+":"+secret != tt.want {
				t.Errorf("got %q, want %q", user+":"+secret, tt.want)
			}
			if err != nil && (!strings.Contains(err.Error(), tt.host) || strings.Contains(err.Error(), "pw")) {
				t.Errorf("error names no host, or a password: %v", err)
			}
		})
	}
}

func TestFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	k := keychain.New(keychain.Options{Paths: []string{path}})
	for i, content := range []string{
		"", // not there
		`{"auths":{"r.test":{"auth":"` + b64("a:1") + `"}}}`,
		`{"auths":{"r.test":{"auth":"` + b64("bb:22") + `"}}}`,
		"",
	} {
		want := []string{"", "a", "bb", ""}[i]
		var err error
		if content == "" {
			err = os.RemoveAll(path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if user, _, err := k.Credentials("r.test"); err != nil || user != want {
			t.Errorf("step %d: got %q, %v, want %q", i, user, err, want)
		}
	}
}

func TestSeveralFiles(t *testing.T) {
	first := write(t, `{"auths":{"a.test":{"auth":"`+b64("first:1")+`"}}}`)
	second := write(t, `{"auths":{"a.test":{"auth":"`+b64("second:2")+`"},"b.test":{"auth":"`+b64("second:2")+`"}}}`)
	k := keychain.New(keychain.Options{Paths: []string{"/does/not/exist", first, second}})
	for host, want := range map[string]string{"a.test": "first", "b.test": "second", "c.test": ""} {
		if user, _, err := k.Credentials(host); err != nil || user != want {
			t.Errorf("%s: got %q, %v, want %q", host, user, err, want)
		}
	}
}

func TestDefaultPath(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", "")
	if got := keychain.DefaultPath(); got != "/root/.docker/config.json" {
		t.Errorf("got %s", got)
	}
	dir := filepath.Dir(write(t, `{"auths":{"r.test":{"auth":"`+b64("me:pw")+`"}}}`))
	t.Setenv("DOCKER_CONFIG", dir)
	if user, _, err := keychain.New(keychain.Options{}).Credentials("r.test"); err != nil || user != "me" {
		t.Errorf("got %q, %v", user, err)
	}
}

func FuzzCredentials(f *testing.F) {
	f.Add(`{"auths":{"r.test":{"auth":"bWU6cHc="}}}`, "r.test")
	f.Add(`{"auths":{"https://index.docker.io/v1/":{"identitytoken":"x"}}}`, "docker.io")
	f.Add(`{`, "")
	f.Fuzz(func(t *testing.T, content, host string) {
		if strings.Contains(strings.ToLower(content), "cred") {
			t.Skip("would run programs")
		}
		k := keychain.New(keychain.Options{Paths: []string{write(t, content)}})
		user, secret, err := k.Credentials(host)
		if err != nil && (user != "" || secret != "") {
			t.Errorf("got %q and an error", user)
		}
	})
}
