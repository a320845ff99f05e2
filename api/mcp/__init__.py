"""The specialists as tools for other agents: Model Context Protocol over streamable HTTP."""
