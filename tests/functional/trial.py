# SPDX-License-Identifier: Apache-2.0
"""A model of somebody's own, on trial."""

SEARCH = """
id: my-search
name: A search of mine
description: Tries one service on many inside hosts.
technique: T1046
tactic: discovery
components:
  - feature: scan-internal
    at-least: 4
    rarity: 0.5
"""
