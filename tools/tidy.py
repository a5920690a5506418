#!/usr/bin/env python3
"""Placeholder until the real one lands."""
