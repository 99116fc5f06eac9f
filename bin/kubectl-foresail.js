#!/usr/bin/env node
// kubectl runs a program of this name for `kubectl foresail`; the command line sees it and speaks of itself so.
import "./foresail.js";
