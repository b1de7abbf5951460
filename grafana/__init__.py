"""What Grafana is given: dashboards, alert rules and the code that writes them.

The collector never imports anything from here.
"""
