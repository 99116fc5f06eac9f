// The oracle answers which DestinationRule a client gets with Istio's own code: it reads a mesh and queries as one line of
// JSON, and writes one line of answers. test/harness/oracle.ts starts it and describes both.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
)

const meshesAtOnce = 4

type request struct {
	// Kubernetes objects; the ConfigMap istio of istio-system holds the mesh configuration.
	Objects       []json.RawMessage `json:"objects"`
	ClusterDomain string            `json:"clusterDomain"`
	Revision      string            `json:"revision"`
	Queries       []query           `json:"queries"`
	// Whether the answers name clusters, which takes much longer.
	Clusters bool `json:"clusters"`
}

type response struct {
	Answers []answer `json:"answers,omitempty"`
	// What Istio's own validation refuses, as "<kind> <namespace>/<name>: <why>"; it is in the mesh nevertheless.
	Refused []string `json:"refused,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func main() {
	// Only answers go to the standard output, where Istio logs.
	output := os.Stdout
	os.Stdout = os.Stderr
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	if err := serve(os.Stdin, output); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers several meshes at once, for Istio mostly waits while it makes one, in the order in which it was asked.
func serve(input io.Reader, output io.Writer) error {
	responses := make(chan chan response, meshesAtOnce)
	failed := make(chan error, 1)
	go func() {
		defer close(responses)
		decoder := json.NewDecoder(bufio.NewReaderSize(input, 1<<20))
		for {
			var asked request
			if err := decoder.Decode(&asked); err != nil {
				failed <- err
				return
			}
			answered := make(chan response, 1)
			responses <- answered
			go func() { answered <- respond(asked) }()
		}
	}()
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for answered := range responses {
		if err := encoder.Encode(<-answered); err != nil {
			return err
		}
	}
	if err := <-failed; err != io.EOF {
		return err
	}
	return nil
}

func respond(asked request) (result response) {
	// Wrap also ends what the mesh has started.
	err := test.Wrap(func(t test.Failer) {
		read, err := readParts(asked)
		if err != nil {
			t.Fatal(err)
		}
		result.Refused = read.refused
		istio := istioOf(t, read, asked)
		if result.Answers, err = answerAll(istio, asked); err != nil {
			t.Fatal(err)
		}
	})
	if err != nil {
		return response{Error: err.Error()}
	}
	return result
}
