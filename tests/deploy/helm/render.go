// Renders a chart as `helm template` does, where helm is not installed: the same template engine,
// function library and values. Usage: render CHART RELEASE NAMESPACE [VALUES.yaml]
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"sigs.k8s.io/yaml"
)

type chart struct{ Name, Version, AppVersion string }

type files struct{ directory string }

// Get gives the text of one of the chart's files.
func (f files) Get(name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(f.directory, name))
	return string(text), err
}

func read(path string, into interface{}) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(text, into)
	}
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func merged(base, over map[string]interface{}) map[string]interface{} {
	for key, value := range over {
		inner, isMap := value.(map[string]interface{})
		known, wasMap := base[key].(map[string]interface{})
		if isMap && wasMap {
			base[key] = merged(known, inner)
		} else {
			base[key] = value
		}
	}
	return base
}

func main() {
	directory, release, namespace := os.Args[1], os.Args[2], os.Args[3]
	values, given, about := map[string]interface{}{}, map[string]interface{}{}, chart{}
	read(filepath.Join(directory, "Chart.yaml"), &about)
	read(filepath.Join(directory, "values.yaml"), &values)
	if len(os.Args) > 4 {
		read(os.Args[4], &given)
	}
	known := map[string]interface{}{
		"Values":  merged(values, given),
		"Chart":   about,
		"Files":   files{directory},
		"Release": map[string]interface{}{"Name": release, "Namespace": namespace, "Service": "Helm"},
	}
	all := template.New("chart").Option("missingkey=zero")
	functions := sprig.TxtFuncMap()
	functions["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		check(err)
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["include"] = func(name string, data interface{}) (string, error) {
		var text bytes.Buffer
		err := all.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	functions["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(message)
		}
		return value, nil
	}
	all.Funcs(functions)
	names, err := filepath.Glob(filepath.Join(directory, "templates", "*"))
	check(err)
	sort.Strings(names)
	for _, name := range names {
		text, err := os.ReadFile(name)
		check(err)
		template.Must(all.New(filepath.Base(name)).Parse(string(text)))
	}
	for _, name := range names {
		base := filepath.Base(name)
		if !strings.HasSuffix(base, ".yaml") {
			continue
		}
		var text bytes.Buffer
		check(all.ExecuteTemplate(&text, base, known))
		if strings.TrimSpace(text.String()) != "" {
			fmt.Printf("---\n%s\n", strings.TrimSpace(text.String()))
		}
	}
}
